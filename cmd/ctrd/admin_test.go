package main_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/interop"
)

func TestAdminImport(t *testing.T) {
	t.Parallel()
	directory := interop.DevelopmentDirectory(t)
	service := interop.Start(t, directory)
	c := service.Client(t, interop.Hospital(t))
	sent := 0
	device := func() string {
		sent++
		serial := "S-" + strconv.Itoa(sent)
		return interop.Notify(t, c, interop.Implantation("IMPORT-"+serial, interop.Patient, serial)).Implant[0].Device.Name
	}
	const (
		header  = "notification_code;name;reference;manufacturer;distributor;classification;category;udi_di;status;valid_from;deleted_on\n"
		renamed = "000071200176;A name from a file;TKS-FL5;Ardenne Orthopaedics SA;Ardenne Orthopaedics SA;D.01.02.03.04;Orthopaedic;05410000001047;Active;2015-01-01;\n"
		faulty  = "000071200177;Wrong check digits;TKS-FL5;Ardenne Orthopaedics SA;;;Orthopaedic;05410000001047;Active;2015-01-01;\n"
		before  = "Total Knee System, femoral component, left, size 5"
	)
	files := t.TempDir()
	for _, test := range []struct {
		name, kind, content string
		commit              bool
		code                int
		stdout, stderr      string
		after               string
	}{
		{"a faulty file", "devices", header + renamed + faulty, true, 1, "", "line 3, column notification_code", before},
		{"a dry run of a faulty file", "devices", header + renamed + faulty, false, 1, "", "line 3, column notification_code", before},
		{"an unknown column", "devices", "code" + header, false, 1, "", `unknown column "codenotification_code"`, before},
		{"an empty file", "devices", "", true, 1, "", "no header line", before},
		{"an unknown kind", "implants", header + renamed, true, 1, "", `there is no kind "implants"`, before},
		{"a dry run", "devices", header + renamed, false, 0, "1 devices read without a fault; nothing was changed (add --commit to load them)\n", "", before},
		{"an import", "devices", header + renamed, true, 0, "1 devices loaded\n", "", "A name from a file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(files, test.kind+".csv")
			interop.WriteFile(t, file, []byte(test.content))
			args := []string{"admin", "import", test.kind, file, "--data", directory}
			if test.commit {
				args = append(args, "--commit")
			}
			result := interop.Run(t, interop.Program(t, "ctrd"), args...)
			if result.Code != test.code || result.Stdout != test.stdout || !strings.Contains(result.Stderr, test.stderr) {
				t.Errorf("exit %d\n%s%s", result.Code, result.Stdout, result.Stderr)
			}
			if lines := strings.Count(result.Stderr, "\n"); lines != test.code {
				t.Errorf("%d lines on standard error:\n%s", lines, result.Stderr)
			}
			if got := device(); got != test.after {
				t.Errorf("the device's name is %q afterwards", got)
			}
		})
	}
}
