import math

NEVER = float("-inf")


def log(p):
    return math.log(p) if p > 0 else NEVER


def most_likely_path(observations, start, transition, emission):
    """The most likely states of a hidden Markov model."""
    states = range(len(start))
    score = [log(start[s]) + log(emission[s][observations[0]]) for s in states]
    back = []
    for o in observations[1:]:
        new_score, pointers = [], []
        for s in states:
            best = max(states, key=lambda r: score[r] + log(transition[r][s]))
            new_score.append(score[best] + log(transition[best][s]) + log(emission[s][o]))
            pointers.append(best)
        score = new_score
        back.append(pointers)
    last = max(states, key=lambda s: score[s])
    path = [last]
    for pointers in reversed(back):
        path.append(pointers[path[-1]])
    path.reverse()
    return path, max(score)
