package implants

import (
	"github.com/openctr/ctr/internal/platform/ident"
)

// Digest exports the content digest for tests.
func (n *Implantation) Digest() [32]byte { return n.contentDigest(Final) }

// Digest exports the content digest for tests.
func (n *Explantation) Digest() [32]byte { return n.contentDigest(Final) }

// Person exports the SSIN of the caller for tests.
func (c Caller) Person() ident.SSIN { return c.person }
