-- +goose Up

-- The cluster and timeline on which the last numbers of a day were given, empty if not known. After a failover or a
-- restore it is another one, and the numbers of the lost tail are left out.
ALTER TABLE number_counter ADD COLUMN cluster text COLLATE "C" NOT NULL DEFAULT '';
