package main_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
)

func TestAdminImport(t *testing.T) {
	t.Parallel()
	directory := interop.NewDevelopmentDirectory(t)
	service := interop.StartService(t, directory)
	c := service.NewClient(t, interop.HospitalKey(t))
	sent := 0
	device := func() string {
		sent++
		serial := "S-" + strconv.Itoa(sent)
		return interop.MustNotify(t, c, interop.NewImplantation("IMPORT-"+serial, interop.PatientSSIN, serial)).Implant[0].Device.Name
	}
	const (
		header  = "notification_code;name;reference;manufacturer;distributor;classification;category;udi_di;status;valid_from;deleted_on\n"
		renamed = "000071200176;A name from a file;TKS-FL5;Ardenne Orthopaedics SA;Ardenne Orthopaedics SA;D.01.02.03.04;Orthopaedic;05410000001047;Active;2015-01-01;\n"
		faulty  = "000071200177;Wrong check digits;TKS-FL5;Ardenne Orthopaedics SA;;;Orthopaedic;05410000001047;Active;2015-01-01;\n"
		before  = "Total Knee System, femoral component, left, size 5"
	)
	change := "  000071200176: name \"" + before + "\" → \"A name from a file\"\n"
	counts := ": 1 read, 0 new, 1 changed, 0 unchanged, 0 ended\n"
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
		{"an unknown column", "devices", "code" + header, false, 1, "", `the name of column 1 is unknown`, before},
		{"an empty file", "devices", "", true, 1, "", "no header line", before},
		{"an unknown kind", "implants", header + renamed, true, 1, "", `there is no kind "implants"`, before},
		{"a dry run", "devices", header + renamed, false, 0, counts + change + "dry run: nothing changed (add --commit to apply)\n", "", before},
		{"an import", "devices", header + renamed, true, 0, counts + change + "all changes applied\n", "", "A name from a file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(files, test.kind+".csv")
			interop.WriteFile(t, file, []byte(test.content))
			args := []string{"admin", "import", test.kind, file, "--data", directory}
			if test.commit {
				args = append(args, "--commit")
			}
			result := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), args...)
			if result.ExitCode != test.code || withoutDay(result.Stdout) != test.stdout || !strings.Contains(result.Stderr, test.stderr) {
				t.Errorf("exit %d\n%s%s", result.ExitCode, result.Stdout, result.Stderr)
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

// withoutDay removes the beginning of the report, through the day.
func withoutDay(report string) string {
	_, rest, _ := strings.Cut(report, " of ")
	return strings.TrimPrefix(rest, rest[:min(len(rest), len("2026-11-21"))])
}

func TestImportWithoutARegister(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "none")
	file := filepath.Join(t.TempDir(), "organisations.csv")
	interop.WriteFile(t, file, []byte("nihii;cbe;type;name\n71000436;0403227020;Hospital;Ziekenhuis Sint-Elooi\n"))
	run := func(want string, args ...string) {
		t.Helper()
		result := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), append([]string{"admin", "import", "--data", directory}, args...)...)
		if result.ExitCode != 0 || !strings.Contains(result.Stdout, want) || (want == "") != (result.Stdout == "") {
			t.Errorf("%v: exit %d\n%s%s", args, result.ExitCode, result.Stdout, result.Stderr)
		}
	}
	run("1 read, 1 new, 0 changed", "organisations", file, "--date", "2026-11-01")
	if _, err := os.Stat(directory); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a dry run made a register: %v", err)
	}
	run("1 read, 1 new, 0 changed", "organisations", file, "--date", "2026-11-01", "--by", "tester", "--commit",
		"--keys", filepath.Join(directory, "keys.json"))
	run("organisations  delta of 2026-11-01  1 rows  organisations.csv  sha256:", "--list")
	run("", "--list", "devices")
	result := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), "admin", "import", "--data", directory)
	if result.ExitCode != 1 || !strings.Contains(result.Stderr, "KIND and FILE are required") {
		t.Errorf("exit %d\n%s", result.ExitCode, result.Stderr)
	}
}
