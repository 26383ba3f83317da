package platform

import (
	"slices"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Warning is a remark for the caller, stored with what they submitted.
type Warning struct {
	Code   problem.Code
	Path   string // path in the message
	Detail texts.Text
}

// RuleResults collects the violations and warnings of one request.
type RuleResults struct {
	defects    []*problem.Error // found while reading the message; the rules do not report them again
	violations []*problem.Error
	warnings   []Warning
}

// NewRuleResults returns results that begin with the defects found while reading the message.
func NewRuleResults(defects []*problem.Error) RuleResults {
	return RuleResults{defects: slices.Clone(defects)}
}

// AddViolation adds a broken rule.
func (results *RuleResults) AddViolation(code problem.Code, path string, detail ...texts.Text) {
	results.violations = append(results.violations, problem.New(code, detail...).WithPath(path))
}

// AddWarning adds a warning.
func (results *RuleResults) AddWarning(code problem.Code, path string) {
	results.warnings = append(results.warnings, Warning{Code: code, Path: path})
}

// Violations returns the violations, without the defects.
func (results *RuleResults) Violations() []*problem.Error { return results.violations }

// Warnings returns the warnings.
func (results *RuleResults) Warnings() []Warning { return results.warnings }

// HasDefectAt reports whether the message has an unreadable value at the path; the content has a zero value there.
func (results *RuleResults) HasDefectAt(path string) bool {
	return slices.ContainsFunc(results.defects, func(e *problem.Error) bool { return e.Path == path })
}

// DowngradeToWarnings turns the violations into warnings, except those of the given codes.
func (results *RuleResults) DowngradeToWarnings(except ...problem.Code) {
	results.violations = slices.DeleteFunc(results.violations, func(broken *problem.Error) bool {
		if slices.Contains(except, broken.Code) {
			return false
		}
		results.warnings = append(results.warnings, Warning{Code: broken.Code, Path: broken.Path, Detail: broken.Detail})
		return true
	})
}

// ToError returns one refusal with all defects of the message and all violations, in this order.
func (results *RuleResults) ToError() error {
	return problem.List(RulesViolated, slices.Concat(results.defects, results.violations))
}
