package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// An operator traces and marks a recall while the service runs; from then on the service warns.
func TestRecallBesideTheService(t *testing.T) {
	t.Parallel()
	directory := interop.NewDevelopmentDirectory(t)
	service := interop.StartService(t, directory)
	c := service.NewClient(t, interop.HospitalKey(t))
	warned := func(name string) bool {
		answer := interop.MustNotify(t, c, interop.NewImplantation(name, interop.PatientSSIN, "S-"+name))
		return slices.ContainsFunc(answer.Warning, func(w ctr.Warning) bool { return w.Code == "WARN_DEVICE_RECALLED" })
	}
	if warned("RECALL-1") {
		t.Error("warned before the recall")
	}
	file := filepath.Join(t.TempDir(), "recall.csv")
	const reason = "field safety notice FSN-2026-17"
	for _, step := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
		warns  bool
	}{
		{"nothing", []string{"recall"}, 1, "", "name what is recalled", false},
		{"days alone", []string{"recall", "--from", "2026-01-01"}, 1, "", "name what is recalled", false},
		{"no day", []string{"recall", "--lot", "L2201", "--from", "yesterday"}, 1, "", "--from takes a day as YYYY-MM-DD", false},
		{"no code", []string{"recall", "--code", "123"}, 1, "", "--code: ", false},
		{"a lot and lots", []string{"recall", "--lot", "L1", "--lot-to", "L2"}, 1, "", "give --lot, or --lot-from and --lot-to", false},
		{"a range without order", []string{"recall", "--serial-from", "A1", "--serial-to", "B22"}, 1, "", "there is no order", false},
		{"an unknown format", []string{"recall", "--lot", "L2201", "--format", "xml"}, 2, "", "--format", false},
		{"a short reason", []string{"recall", "--lot", "L2201", "--reveal", "because"}, 1, "", "--reveal: state the reason", false},
		{"a lot", []string{"recall", "--lot", "L2201"}, 0, "implants placed: ", "", false},
		{"traced by name", []string{"recall", "trace", "--lot-from", "L2200", "--lot-to", "L2209", "--by", "officer"}, 0, "P-", "", false},
		{"a file", []string{"recall", "--lot", "L2201", "--format", "csv", "-o", file}, 0, "", " lines; implants still in place: ", false},
		{"the file again", []string{"recall", "--lot", "L2201", "--format", "csv", "-o", file}, 1, "", "file exists", false},
		{"named", []string{"recall", "--lot", "L2201", "--format", "json", "--reveal", reason, "--by", "officer"}, 0, `"patient_ssin": "` + interop.PatientSSIN, "", false},
		{"the patient's trail", []string{"audit", "export", "--patient", interop.PatientSSIN}, 0, "AdminReveal", "entries", false},
		{"mark nothing", []string{"recall", "mark"}, 2, "", "--code", false},
		{"mark a day and none", []string{"recall", "mark", "--code", "000071200176", "--unmark", "--on", "2026-01-01"}, 1, "", "give --on or --unmark", false},
		{"mark what is not on the list", []string{"recall", "mark", "--code", "999999999949", "--commit"}, 1, "", "has no device 999999999949", false},
		{"lift what is not marked", []string{"recall", "mark", "--code", "000071200176", "--unmark", "--commit"}, 1, "", "is not marked recalled", false},
		{"mark, dry", []string{"recall", "mark", "--code", "000071200176", "--on", "2026-01-20"}, 0, "Recalled on 2026-01-20, was Active; dry run: nothing changed", "", false},
		{"mark", []string{"recall", "mark", "--code", "000071200176", "--on", "2026-01-20", "--commit"}, 0, "Recalled on 2026-01-20, was Active; done\n", "", true},
		{"mark another day", []string{"recall", "mark", "--code", "000071200176", "--on", "2026-02-01", "--commit"}, 0, ", was Recalled on 2026-01-20; done\n", "", true},
		{"mark from today on", []string{"recall", "mark", "--code", "000071200176", "--commit"}, 0, ", was Recalled on 2026-02-01; done\n", "", false},
		{"lift", []string{"recall", "mark", "--code", "000071200176", "--unmark", "--commit"}, 0, ": Active, was Recalled on ", "", false},
		{"statistics", []string{"statistics"}, 0, "implantations", "", false},
		{"statistics of nobody", []string{"statistics", "--by", "surgeon"}, 2, "", "--by", false},
		{"exact statistics", []string{"statistics", "--by", "delay", "--exact", "--format", "csv", "--from", "2020-01-01"}, 0, "delay;name;implantations", "", false},
	} {
		args := append(append([]string{"admin"}, step.args...), "--data", directory)
		result := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), args...)
		if result.ExitCode != step.code || !strings.Contains(result.Stdout, step.stdout) || !strings.Contains(result.Stderr, step.stderr) {
			t.Errorf("%s: exit %d\n%s%s", step.name, result.ExitCode, result.Stdout, result.Stderr)
		}
		if named := strings.Contains(result.Stdout+result.Stderr, interop.PatientSSIN); named != slices.Contains(step.args, reason) {
			t.Errorf("%s: names the patient: %t", step.name, named)
		}
		if got := warned("RECALL " + step.name); got != step.warns {
			t.Errorf("%s: warned: %t", step.name, got)
		}
	}
	info, err := os.Stat(file)
	data, readErr := os.ReadFile(file)
	if err != nil || readErr != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(string(data), "specialist_nihii;") {
		t.Errorf("%v, %v, %v\n%s", info, err, readErr, data)
	}
}
