-- What was erased or removed in a period is a handful of entries among millions: an index of their own finds them.

CREATE INDEX entries_of_forgetting ON metta.entries (written_at) WHERE kind IN ('erasure', 'retention');
