"""Predicts over HTTP: `uvicorn service:app`. POST /predict {"rows": [{…}], "interval": 0.9, "explain": false}; GET /health, /schema."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException
from predict import SCHEMA, Problem, predict
from pydantic import BaseModel, Field

app = FastAPI(title=f'Predicts {SCHEMA["target"]}')


class Asked(BaseModel):
    rows: list[dict[str, Any]] = Field(min_length=1, max_length=10_000)
    interval: float | None = Field(default=None, gt=0, lt=1)
    explain: bool = False


@app.get('/health')
def health() -> dict[str, str]:
    return {'status': 'ok'}


@app.get('/schema')
def schema() -> dict[str, Any]:
    return {name: SCHEMA[name] for name in ('target', 'task', 'classes', 'columns')}


@app.post('/predict')
def predicted(asked: Asked) -> list[dict[str, Any]]:
    try:
        return predict(asked.rows, asked.interval, asked.explain).to_dict('records')
    except Problem as problem:
        raise HTTPException(422, problem.said) from None
