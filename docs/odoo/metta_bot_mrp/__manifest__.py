{
    "name": "Metta: read-only bot, kits",
    "summary": "Bills of materials, which the availability of kits is computed from, to read only",
    "version": "1.0",
    "category": "Sales",
    "author": "Metta",
    "depends": ["metta_bot", "mrp"],
    "data": ["security/ir.model.access.csv"],
}
