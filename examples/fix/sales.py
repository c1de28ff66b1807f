import numpy as np

print 'reading'
rows = np.loadtxt('data/sales.csv', delimiter=',', skiprows=1, dtype=np.float)
total = rows[:, 1].sum()
print 'total', total
np.save('out/total.npy', rows)
