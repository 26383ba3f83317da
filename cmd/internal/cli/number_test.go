package cli_test

import (
	"testing"

	"github.com/alecthomas/kong"

	"github.com/openctr/ctr/cmd/internal/cli"
)

func TestNumbers(t *testing.T) {
	for written, want := range map[string]string{
		"48.02.29-073.79": "48022907379", "480229 073 79": "48022907379", "1-78003-89-480": "17800389480",
		"BE 0403.227.020": "0403227020", "0000 7120 0176": "000071200176", "48022907379": "48022907379", "knee": "knee",
	} {
		var c struct {
			Patient string `type:"digits"`
		}
		parser, err := kong.New(&c, cli.Numbers())
		if err != nil {
			t.Fatal(err)
		}
		if _, err = parser.Parse([]string{"--patient", written}); err != nil || c.Patient != want {
			t.Errorf("%q is %q, %v", written, c.Patient, err)
		}
	}
}
