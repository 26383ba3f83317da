-- +goose Up

-- Lots and serial numbers are compared without blanks, on both sides: the rows keep what was notified. The blanks are a
-- space and U+00A0; the expression is that of the queries (internal/store/implants, matchKey).
DROP INDEX implant_lot;
CREATE INDEX implant_lot ON implant (replace(replace(lot, ' ', ''), ' ', '')) WHERE lot <> '';
DROP INDEX implant_serial;
CREATE INDEX implant_serial ON implant (replace(replace(serial, ' ', ''), ' ', '')) WHERE serial <> '';

-- Lines with a UDI in which no device identifier was found when they were notified. They are few; a recall reads them
-- again, with the rules of today.
CREATE INDEX implant_unread ON implant (reference, version) WHERE udi_di = '' AND udi <> '';
