import random


def make_case(seed):
    draw = random.Random(seed)
    rates = {"EUR": 1.0, "USD": 0.91, "GBP": 1.17}

    def line():
        found = {"sku": f"p{draw.randrange(200)}", "price": round(draw.uniform(1, 90), 2), "quantity": draw.randint(1, 9)}
        if draw.random() < 0.3:
            found["discount"] = draw.choice([0.1, 0.25])
        return found

    orders = [
        {
            "status": draw.choice(["paid", "sent", "cancelled"]),
            "currency": draw.choice(list(rates)),
            "customer": {"id": draw.randrange(5000), "country": draw.choice("DE FR IT ES PL SE GB US".split())},
            "lines": [line() for _ in range(draw.randint(1, 8))],
        }
        for _ in range(4000)
    ]
    return orders, rates
