package message

import (
	"sync"
	"time"
)

// zones keeps what loadZone has read: package time reads the zone's file each time.
// Only names that exist get in, and there are some six hundred.
var zones sync.Map

// loadZone is time.LoadLocation, read once a zone.
func loadZone(name string) (*time.Location, error) {
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	if err == nil {
		zones.Store(name, loc)
	}
	return loc, err
}
