package main

import (
	"strings"
	"testing"
)

// TestFindingL6BothNames: the account is recorded whatever name is stated, and no stated name looks like an account.
func TestFindingL6BothNames(t *testing.T) {
	t.Parallel()
	for stated, want := range map[string]string{
		"":                      "root",
		"  ":                    "root",
		"anna":                  "root (stated: anna)",
		" anna ":                "root (stated: anna)",
		"root":                  "root (stated: root)",
		"eve (stated: anna)":    "root (stated: eve (stated: anna))",
		"anna\nroot (stated: x": `root (stated: anna\u000aroot (stated: x)`,
		"\u202eanna":            `root (stated: \u202eanna)`,
	} {
		if got := nameOperator("root", stated); got != want {
			t.Errorf("%q: %q, want %q", stated, got, want)
		}
	}
	if account := currentAccount(); account == "" || strings.ContainsAny(account, "()\n") {
		t.Errorf("the account %q", account)
	}
}
