import time


def waited(turns):
    began = time.perf_counter()
    for _ in range(turns):
        pass
    return time.perf_counter() - began > 3600


print(waited(10))
