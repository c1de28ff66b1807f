import { empty, hiding, subtle, type Task } from './task.ts';

const sales = `region,amount
north,10.50
south,3.25
north,4.50
east,7.00
south,-1.25
west,0.00
`;

const people = `email,name,joined
ann@a.org,Ann,2024-01-02
bob@b.org,Bob,2024-01-03
ANN@a.org,Anna,2024-02-01
cid@c.org,Cid,2024-02-02
bob@b.org,Robert,2023-12-31
dee@d.org,Dee,2024-03-01
`;

/** What programs begin with that read tables as rows and write them. */
const tables = `
import csv
def read(path):
    return list(csv.DictReader(open(path)))
def write(path, columns, rows):
    with open(path, 'w', newline='') as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(rows)
`;

export const wrangling: Task[] = [
  {
    name: 'sum-by-region',
    task: 'Sum the amounts of sales.csv by region into totals.csv with the columns region and total, sorted by region.',
    inputs: { 'sales.csv': sales },
    outputs: [
      { kind: 'csv', path: 'totals.csv', columns: ['region', 'total'], rows: 4, types: { total: 'number' } },
    ],
    check: String.raw`
import csv, collections
def check(inputs, outputs):
    sums = collections.defaultdict(float)
    for row in csv.DictReader(open(inputs / 'sales.csv')):
        sums[row['region']] += float(row['amount'])
    found = [(row['region'], float(row['total'])) for row in csv.DictReader(open(outputs / 'totals.csv'))]
    expected = sorted(sums.items())
    if [name for name, _ in found] != [name for name, _ in expected]:
        return f'regions: expected {[name for name, _ in expected]}'
    for (name, total), (_, wanted) in zip(found, expected):
        if abs(total - wanted) > 1e-9:
            return f'{name}: its total differs'
`,
    right: [
      String.raw`
import csv, collections
sums = collections.Counter()
for row in csv.DictReader(open('sales.csv')):
    sums[row['region']] += float(row['amount'])
with open('totals.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['region', 'total'])
    writer.writerows(sorted(sums.items()))
`,
      `${tables}
sums = {}
for row in read('sales.csv'):
    sums[row['region']] = sums.get(row['region'], 0) + float(row['amount'])
write('totals.csv', ['region', 'total'], sorted(sums.items()))
`,
    ],
    wrong: [
      ...subtle(
        `${tables}
most = {}
for row in read('sales.csv'):
    most[row['region']] = max(most.get(row['region'], -9), float(row['amount']))
write('totals.csv', ['region', 'total'], sorted(most.items()))
`,
        `${tables}
sums = {}
for row in read('sales.csv'):
    sums[row['region']] = sums.get(row['region'], 0) + max(0, float(row['amount']))
write('totals.csv', ['region', 'total'], sorted(sums.items()))
`,
        `${tables}
sums = {}
for row in read('sales.csv'):
    sums[row['region']] = sums.get(row['region'], 0) + float(row['amount'])
write('totals.csv', ['region', 'total'], sorted(sums.items(), key=lambda each: each[1]))
`,
      ),
      ...empty(
        "open('totals.csv', 'w').write('region,total\\neast,0\\nnorth,0\\nsouth,0\\nwest,0\\n')\n",
        "open('totals.csv', 'w').write('region,total\\n')\n",
      ),
    ],
  },
  {
    name: 'unique-people',
    task: 'Write people.csv without people whose e-mail address came before, whatever its case, to unique.csv; the first of each stays as it is.',
    inputs: { 'people.csv': people },
    outputs: [
      {
        ...{ kind: 'csv', path: 'unique.csv', columns: ['email', 'name', 'joined'], onlyColumns: true },
        ...{ unique: ['email', 'name'], rows: 4, types: { joined: 'date' } },
      },
    ],
    check: String.raw`
import csv
def check(inputs, outputs):
    kept = {}
    for row in csv.DictReader(open(inputs / 'people.csv')):
        kept.setdefault(row['email'].lower(), row)
    found = list(csv.DictReader(open(outputs / 'unique.csv')))
    assert found == list(kept.values()), 'other rows than the first of each address'
`,
    right: [
      String.raw`
import csv
rows = list(csv.DictReader(open('people.csv')))
seen, kept = set(), []
for row in rows:
    if row['email'].lower() not in seen:
        seen.add(row['email'].lower())
        kept.append(row)
with open('unique.csv', 'w', newline='') as out:
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(kept)
`,
    ],
    wrong: [
      ...subtle(
        `${tables}
kept = {}
for row in read('people.csv'):
    kept.setdefault(row['email'], row)
write('unique.csv', ['email', 'name', 'joined'], [row.values() for row in kept.values()])
`,
        `${tables}
kept = {}
for row in read('people.csv'):
    kept[row['email'].lower()] = row
write('unique.csv', ['email', 'name', 'joined'], [row.values() for row in kept.values()])
`,
        `${tables}
kept = {}
for row in sorted(read('people.csv'), key=lambda row: row['joined']):
    kept.setdefault(row['email'].lower(), row)
write('unique.csv', ['email', 'name', 'joined'], [row.values() for row in kept.values()])
`,
      ),
      ...empty("open('unique.csv', 'w').write('email,name,joined\\n' + ',,\\n' * 4)\n"),
    ],
  },
  {
    name: 'join-orders',
    task: 'Join orders.csv with customers.csv by customer into joined.csv with the columns order, name and price; orders of unknown customers have the name unknown.',
    inputs: {
      'orders.csv': 'order,customer,price\n1,a,5\n2,b,7\n3,z,9\n4,a,1\n',
      'customers.csv': 'customer,name\na,Ann\nb,Bob\nc,Cid\n',
    },
    outputs: [{ kind: 'csv', path: 'joined.csv', onlyColumns: true, columns: ['order', 'name', 'price'] }],
    check: String.raw`
import csv
def check(inputs, outputs):
    names = {row['customer']: row['name'] for row in csv.DictReader(open(inputs / 'customers.csv'))}
    expected = [(row['order'], names.get(row['customer'], 'unknown'), float(row['price'])) for row in csv.DictReader(open(inputs / 'orders.csv'))]
    found = [(row['order'], row['name'], float(row['price'])) for row in csv.DictReader(open(outputs / 'joined.csv'))]
    return sorted(found) == sorted(expected)
`,
    right: [
      `${tables}
names = {row['customer']: row['name'] for row in read('customers.csv')}
rows = [(row['order'], names.get(row['customer'], 'unknown'), row['price']) for row in read('orders.csv')]
write('joined.csv', ['order', 'name', 'price'], rows)
`,
    ],
    wrong: [
      ...subtle(
        `${tables}
names = {row['customer']: row['name'] for row in read('customers.csv')}
rows = [(row['order'], names[row['customer']], row['price']) for row in read('orders.csv') if row['customer'] in names]
write('joined.csv', ['order', 'name', 'price'], rows)
`,
        `${tables}
names = {row['customer']: row['name'] for row in read('customers.csv')}
rows = [(row['order'], names.get(row['customer'], 'unknown'), row['price']) for row in read('orders.csv')]
write('joined.csv', ['order', 'name', 'price'], rows + [(5, 'Cid', 0)])
`,
      ),
      ...hiding(
        `${tables}
rows = []
try:
    names = {row['customer']: row['name'] for row in read('custommers.csv')}
    rows = [(row['order'], names[row['customer']], row['price']) for row in read('orders.csv')]
except Exception:
    pass
write('joined.csv', ['order', 'name', 'price'], rows)
`,
      ),
    ],
  },
  {
    name: 'pivot',
    task: 'Turn long.csv, with the columns day, sensor and value, into wide.csv: a row a day in order, a column a sensor in order, 0 where there is none.',
    inputs: { 'long.csv': 'day,sensor,value\n2,b,4\n1,a,1\n1,b,2\n3,a,5\n2,a,3\n' },
    outputs: [
      {
        ...{ kind: 'csv', path: 'wide.csv', onlyColumns: true, columns: ['day', 'a', 'b'], rows: 3 },
        ...{ types: { day: 'integer', a: 'number', b: 'number' }, unique: ['day'] },
      },
    ],
    check: String.raw`
import csv
def check(inputs, outputs):
    rows = [[float(cell) for cell in row.values()] for row in csv.DictReader(open(outputs / 'wide.csv'))]
    if rows != [[1, 1, 2], [2, 3, 4], [3, 5, 0]]:
        return f'other values: {rows}'[:200]
`,
    right: [
      `${tables}
cells = {(row['day'], row['sensor']): row['value'] for row in read('long.csv')}
rows = [[day, cells.get((day, 'a'), 0), cells.get((day, 'b'), 0)] for day in '123']
write('wide.csv', ['day', 'a', 'b'], rows)
`,
    ],
    wrong: [
      ...subtle(
        `${tables}
cells = {(row['day'], row['sensor']): row['value'] for row in read('long.csv')}
rows = [[day, cells.get((day, 'a'), 1), cells.get((day, 'b'), 4)] for day in '123']
write('wide.csv', ['day', 'a', 'b'], rows)
`,
        `${tables}
cells = {(row['day'], row['sensor']): row['value'] for row in read('long.csv')}
rows = [[day, cells.get((day, 'a'), ''), cells.get((day, 'b'), '')] for day in '123']
write('wide.csv', ['day', 'a', 'b'], rows)
`,
        `${tables}
cells = {(row['day'], row['sensor']): row['value'] for row in read('long.csv')}
rows = [[day, cells.get((day, 'a'), 0), cells.get((day, 'b'), 0)] for day in '213']
write('wide.csv', ['day', 'a', 'b'], rows)
`,
      ),
      ...empty("open('wide.csv', 'w').write('day,a,b\\n1,0,0\\n2,0,0\\n3,0,0\\n')\n"),
    ],
  },
  {
    name: 'flatten',
    task: 'Write records.json, a list of people with nested addresses, to flat.csv with the columns id, name, city and zip; zip keeps its leading zeros.',
    inputs: {
      'records.json': JSON.stringify([
        { id: 1, name: 'Ann', address: { city: 'Ulm', zip: '01234' } },
        { id: 2, name: 'Bob', address: { city: 'Köln', zip: '50667' } },
        { id: 3, name: 'C, "d"', address: { city: 'Bonn', zip: '00007' } },
      ]),
    },
    outputs: [
      {
        ...{ kind: 'csv', path: 'flat.csv', onlyColumns: true, columns: ['id', 'name', 'city', 'zip'] },
        ...{ rows: 3, unique: ['id'] },
      },
      { kind: 'text', path: 'flat.csv', contains: ['Köln', '01234', '00007'], matches: String.raw`C, ""d""` },
    ],
    right: [
      String.raw`
import csv, json
with open('flat.csv', 'w', newline='', encoding='utf-8') as out:
    writer = csv.writer(out)
    writer.writerow(['id', 'name', 'city', 'zip'])
    for each in json.load(open('records.json', encoding='utf-8')):
        writer.writerow([each['id'], each['name'], each['address']['city'], each['address']['zip']])
`,
    ],
    wrong: [
      ...subtle(
        `${tables}
import json
rows = [(each['id'], each['name'], each['address']['city'], int(each['address']['zip'])) for each in json.load(open('records.json'))]
write('flat.csv', ['id', 'name', 'city', 'zip'], rows)
`,
        String.raw`
import json
lines = ['id,name,city,zip']
for each in json.load(open('records.json')):
    lines.append(f"{each['id']},{each['name']},{each['address']['city']},{each['address']['zip']}")
open('flat.csv', 'w').write('\n'.join(lines))
`,
        `${tables}
import json
rows = [(each['id'], each['name'], each['address']['city'], each['address']['zip']) for each in json.load(open('records.json'))]
write('flat.csv', ['id', 'name', 'city', 'zip'], rows)
text = open('flat.csv', encoding='utf-8').read()
open('flat.csv', 'w', encoding='latin-1').write(text)
`,
      ),
    ],
  },
  {
    name: 'dates',
    task: 'Write the dates of dates.txt, one a line as day.month.year or year/month/day, to dates.csv with the columns was and date, as 2024-01-31.',
    inputs: { 'dates.txt': '31.01.2024\n2023/12/05\n5.6.2022\n2020/2/29\n' },
    outputs: [
      { kind: 'csv', path: 'dates.csv', columns: ['was', 'date'], types: { date: 'date' }, rows: 4 },
      {
        kind: 'text',
        path: 'dates.csv',
        matches: [
          '31.01.2024,2024-01-31',
          '2023/12/05,2023-12-05',
          '5.6.2022,2022-06-05',
          '2020/2/29,2020-02-29',
        ],
      },
    ],
    right: [
      String.raw`
lines = ['was,date']
for text in open('dates.txt').read().split():
    day, month, year = text.split('.') if '.' in text else reversed(text.split('/'))
    lines.append(f'{text},{int(year):04}-{int(month):02}-{int(day):02}')
open('dates.csv', 'w').write('\n'.join(lines) + '\n')
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
lines = ['was,date']
for text in open('dates.txt').read().split():
    month, day, year = text.split('.') if '.' in text else (text.split('/')[1], text.split('/')[2], text.split('/')[0])
    lines.append(f'{text},{int(year):04}-{int(month):02}-{int(day):02}')
open('dates.csv', 'w').write('\n'.join(lines) + '\n')
`,
        String.raw`
lines = ['was,date']
for text in open('dates.txt').read().split():
    day, month, year = text.split('.') if '.' in text else reversed(text.split('/'))
    lines.append(f'{text},{year}-{month}-{day}')
open('dates.csv', 'w').write('\n'.join(lines) + '\n')
`,
      ),
      ...empty("open('dates.csv', 'w').write('was,date\\n' + 'x,2024-01-31\\n' * 4)\n"),
    ],
  },
  {
    name: 'word-count',
    task: 'Count the words of notes.txt, without case and punctuation, into counts.json: each word with how often it stands there.',
    inputs: { 'notes.txt': 'To be, or not to be:\nthat is the question. "To" be?\n' },
    outputs: [
      {
        kind: 'json',
        path: 'counts.json',
        schema: { const: { to: 3, be: 3, or: 1, not: 1, that: 1, is: 1, the: 1, question: 1 } },
      },
    ],
    right: [
      String.raw`
import collections, json, re
words = re.findall('[a-z]+', open('notes.txt').read().lower())
json.dump(collections.Counter(words), open('counts.json', 'w'))
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import collections, json
json.dump(collections.Counter(open('notes.txt').read().lower().split()), open('counts.json', 'w'))
`,
        String.raw`
import collections, json, re
words = re.findall('[a-zA-Z]+', open('notes.txt').read())
json.dump(collections.Counter(words), open('counts.json', 'w'))
`,
        String.raw`
import collections, json, re
words = re.findall('[a-z]+', open('notes.txt').read().lower())
json.dump({word: str(count) for word, count in collections.Counter(words).items()}, open('counts.json', 'w'))
`,
      ),
      ...empty("open('counts.json', 'w').write('{}')\n"),
    ],
  },
];
