"""Classifies points by a vote of their nearest neighbours."""
from collections import Counter


def squared_distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b))


def classify(train, labels, queries, k=5):
    assert len(train) == len(labels), "one label per point"
    answers = []
    for query in queries:
        distances = []
        for point, label in zip(train, labels):
            distances.append((squared_distance(point, query), label))
        distances.sort()
        votes = Counter(label for _, label in distances[:k])
        answers.append(max(votes, key=lambda label: (votes[label], -label)))
    return answers
