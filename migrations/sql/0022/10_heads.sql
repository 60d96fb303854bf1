-- Who of an ordered lane is out or may go: with a long line behind them they must be found without reading it.

CREATE INDEX ix_webhook_deliveries_heads ON webhook_deliveries (endpoint_id, order_key)
    WHERE order_key IS NOT NULL AND state IN ('pending', 'in_flight') AND NOT behind;
