"""What callers send: customers as JSON, validated; missing values are allowed and cost data quality."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Word = Annotated[str, Field(min_length=1, max_length=60)]
Amount = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=100_000)]


class Customer(BaseModel):
    """One customer. A word that is not known is scored and counts against the data quality."""

    model_config = ConfigDict(extra="forbid")

    customer_id: Annotated[str, Field(min_length=1, max_length=100)]
    age: Count | None = None
    gender: Word | None = None
    location: Word | None = None
    contract_type: Word | None = None
    payment_method: Word | None = None
    avg_data_usage: Amount | None = None
    avg_call_minutes: Amount | None = None
    usage_days: Count | None = None
    avg_monthly_charges: Amount | None = None
    late_payments: Count | None = None
    tenure: Count | None = None

    def row(self) -> dict[str, Any]:
        """As the model takes it."""
        return self.model_dump()


class Batch(BaseModel):
    """Up to ten thousand customers."""

    model_config = ConfigDict(extra="forbid")

    customers: Annotated[list[Customer], Field(min_length=1, max_length=10_000)]
