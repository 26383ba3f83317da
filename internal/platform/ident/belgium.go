package ident

import (
	"sync"
	"time"

	_ "time/tzdata" // days begin in Belgian time, also on a machine without zone files
)

// BelgianTime returns the time zone in which the days of the register begin and end.
func BelgianTime() *time.Location { return loadBelgianTime() }

var loadBelgianTime = sync.OnceValue(func() *time.Location {
	location, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		panic("the time zone is part of this program: " + err.Error())
	}
	return location
})
