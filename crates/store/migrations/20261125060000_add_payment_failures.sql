-- Why an order failed, as its provider says.
ALTER TABLE payment_orders ADD COLUMN failure TEXT;
