package platform

import (
	"errors"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
)

// SourceVersion is an imported extract of an authentic source.
type SourceVersion struct {
	ID       int64
	Kind     string
	Name     string // of the file
	Sequence int64  // assigned by the source; 0 when the source assigns none
	Format   string
	AsOf     ident.Date // the day whose state the extract describes
	Rows     int
	Digest   []byte // SHA-256 of the file
	LoadedAt time.Time
}

// ErrSourcesChanged reports that another import of the same kind ran after this one was compared.
var ErrSourcesChanged = errors.New("another import of this kind came between: nothing was changed, run it again")

// SSINReplacement is the replacement of a person's SSIN by another one.
type SSINReplacement struct{ Former, Newer ident.SSIN }
