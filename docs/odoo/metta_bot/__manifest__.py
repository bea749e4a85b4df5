{
    "name": "Metta: read-only bot",
    "summary": "The rights of Metta's user: orders, invoices and products, to read only",
    "version": "1.0",
    "category": "Sales",
    "author": "Metta",
    "depends": ["sale"],
    "data": ["security/groups.xml", "security/ir.model.access.csv", "security/rules.xml"],
}
