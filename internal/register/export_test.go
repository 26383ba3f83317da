package register

import "github.com/openctr/ctr/internal/register/ident"

// Digest gives the content digest, so that a test can hold it against every field.
func (n *Implantation) Digest() [32]byte { return n.digest(Final) }

// Digest gives the content digest, so that a test can hold it against every field.
func (n *Explantation) Digest() [32]byte { return n.digest(Final) }

// Person is whom a caller was found to be.
func (c Caller) Person() ident.SSIN { return c.person }
