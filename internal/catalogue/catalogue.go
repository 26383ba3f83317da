// Package catalogue knows every code of the program: it imports all packages that raise refusals or warnings. Documents
// are made from it, and its tests compare codes and texts with the language files. [All] is the entry point.
//
// No production package imports it: a package that raises a refusal knows only the codes of the packages it imports.
package catalogue

import (
	"github.com/openctr/ctr/internal/problem"

	// These register codes and texts.
	_ "github.com/openctr/ctr/internal/devkit/capture"
	_ "github.com/openctr/ctr/internal/devkit/sandbox"
	_ "github.com/openctr/ctr/internal/implants/card"
	_ "github.com/openctr/ctr/internal/message/cms"
	_ "github.com/openctr/ctr/internal/message/revocation"
	_ "github.com/openctr/ctr/internal/portal"
	_ "github.com/openctr/ctr/internal/portal/cardpage"
	_ "github.com/openctr/ctr/internal/soapdoor/ctrdoor"
)

// All returns the entries of all codes, sorted by code. docs/faults.md lists them in this order inside each kind.
func All() []problem.Entry { return problem.Registered() }
