def summarise(orders, rates):
    """Revenue, quantity and best product by country, from records as they come out of JSON."""
    summary = {}
    for order in orders:
        if order.get("status") == "cancelled":
            continue
        country = order["customer"]["country"]
        entry = summary.setdefault(country, {"revenue": 0.0, "items": 0, "products": {}})
        for line in order["lines"]:
            price = line["price"] * rates[order["currency"]] * (1 - line.get("discount", 0.0))
            entry["revenue"] += price * line["quantity"]
            entry["items"] += line["quantity"]
            products = entry["products"]
            products[line["sku"]] = products.get(line["sku"], 0) + line["quantity"]
    for country, entry in summary.items():
        products = entry.pop("products")
        entry["best"] = max(sorted(products), key=lambda sku: products[sku])
        entry["average"] = entry["revenue"] / entry["items"]
    return summary
