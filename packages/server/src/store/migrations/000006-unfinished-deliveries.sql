-- Most deliveries are delivered; whoever looks for the others must not read through those. Costs a delivery that works nothing.
CREATE INDEX deliveries_unfinished ON deliveries (organization_key, status, id) WHERE status <> 'delivered';
