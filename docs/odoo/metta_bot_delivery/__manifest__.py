{
    "name": "Metta: read-only bot, carriers",
    "summary": "Carriers and tracking links of deliveries, to read only",
    "version": "1.0",
    "category": "Sales",
    "author": "Metta",
    "depends": ["metta_bot", "delivery"],
    "data": ["security/ir.model.access.csv"],
}
