def page_rank(links, damping=0.85, tolerance=1e-10, max_iterations=100):
    """links: {page: [pages it links to]}."""
    pages = sorted(links)
    n = len(pages)
    rank = {page: 1.0 / n for page in pages}
    incoming = {page: [] for page in pages}
    for page, targets in links.items():
        for target in targets:
            incoming[target].append(page)
    for iteration in range(max_iterations):
        dangling = sum(rank[page] for page in pages if not links[page])
        new_rank = {}
        for page in pages:
            total = sum(rank[source] / len(links[source]) for source in incoming[page])
            new_rank[page] = (1 - damping) / n + damping * (total + dangling / n)
        change = sum(abs(new_rank[page] - rank[page]) for page in pages)
        rank = new_rank
        if change < tolerance:
            break
    return rank
