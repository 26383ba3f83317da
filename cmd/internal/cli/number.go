package cli

import (
	"reflect"

	"github.com/alecthomas/kong"

	"github.com/openctr/ctr/internal/platform/ident"
)

// Numbers makes kong accept the numbers of persons, organisations, implants and notifications as people write them,
// with dots, hyphens, slashes and blanks. A flag with the tag type:"digits" takes such a number.
func Numbers() kong.Option {
	return kong.NamedMapper("digits", kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("number", &text); err != nil {
			return err
		}
		target.SetString(ident.TrimPunctuation(text))
		return nil
	}))
}
