package engine

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Timestamp is a point in time as stored: UTC, in microseconds.
type Timestamp time.Time

// TimestampLayout is the text of a Timestamp.
const TimestampLayout = "2006-01-02T15:04:05.000000Z"

// Value formats the timestamp so that its text sorts by time and PostgreSQL can parse it.
func (t Timestamp) Value() (driver.Value, error) {
	return time.Time(t).UTC().Truncate(time.Microsecond).Format(TimestampLayout), nil
}

// Scan accepts the types that either driver returns.
func (t *Timestamp) Scan(value any) error {
	switch v := value.(type) {
	case time.Time:
		*t = Timestamp(v.UTC())
		return nil
	case string:
		parsed, err := time.Parse(TimestampLayout, v)
		if err != nil {
			return fmt.Errorf("timestamp: %w", err)
		}
		*t = Timestamp(parsed)
		return nil
	}
	return fmt.Errorf("a timestamp cannot be read from a %T", value)
}
