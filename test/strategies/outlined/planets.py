import math
def planets(pos, vel, mass, dt, steps):
    n = len(pos)
    pos = [list(p) for p in pos]
    vel = [list(v) for v in vel]
    for _ in range(steps):
        for i in range(n):
            ax = ay = az = 0.0
            for j in range(n):
                if i == j:
                    continue
                dx = pos[j][0] - pos[i][0]
                dy = pos[j][1] - pos[i][1]
                dz = pos[j][2] - pos[i][2]
                r = math.sqrt(dx**2 + dy**2 + dz**2 + 1e-6)
                f = mass[j] / r**3
                ax += f * dx; ay += f * dy; az += f * dz
            vel[i][0] += ax * dt
            vel[i][1] += ay * dt
            vel[i][2] += az * dt
        for i in range(n):
            for k in range(3):
                pos[i][k] += vel[i][k] * dt
    return pos, vel


def cases(r):
    return [
        ([tuple(p) for p in r.random((40, 3)).tolist()], [tuple(p) for p in r.random((40, 3)).tolist()], r.random(40).tolist(), 0.01, 5),
        ([], [], [], 0.1, 2),
        ([(0.0, 0.0, 0.0)], [(1.0, 2.0, 3.0)], [1.0], 0.1, 2),
        ([(0, 0, 0), (1, 0, 0)], [(0, 0, 0), (0, 0, 0)], [1, 2], 0.1, 1),
        ([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)], [(0.0, 0.0, 0.0), (0.0, 0.0, 0.0)], [1.0, 2.0], 0.1, 0),
    ]
