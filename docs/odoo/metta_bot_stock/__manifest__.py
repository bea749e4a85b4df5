{
    "name": "Metta: read-only bot, stock and deliveries",
    "summary": "Availability of products and deliveries of orders, to read only",
    "version": "1.0",
    "category": "Sales",
    "author": "Metta",
    "depends": ["metta_bot", "sale_stock"],
    "data": ["security/ir.model.access.csv", "security/rules.xml"],
}
