package platform

import (
	"slices"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Warning is a remark for the caller, stored with what they submitted.
type Warning struct {
	Code   problem.Code
	Path   Path
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
func (results *RuleResults) AddViolation(code problem.Code, path Path, detail ...texts.Text) {
	results.violations = append(results.violations, problem.New(code, detail...).WithPath(path.String()))
}

// AddViolationBetween adds a rule that the values at two paths break together.
func (results *RuleResults) AddViolationBetween(code problem.Code, path, related Path) {
	broken := problem.New(code).WithPath(path.String()).WithRelated(related.String())
	results.violations = append(results.violations, broken)
}

// AddWarning adds a warning.
func (results *RuleResults) AddWarning(code problem.Code, path Path, detail ...texts.Text) {
	results.warnings = append(results.warnings, Warning{Code: code, Path: path, Detail: texts.Join(detail...)})
}

// Violations returns the violations, without the defects.
func (results *RuleResults) Violations() []*problem.Error { return results.violations }

// Warnings returns the warnings.
func (results *RuleResults) Warnings() []Warning { return results.warnings }

// HasDefectAt reports whether the message has an unreadable value at the path; the content has a zero value there.
func (results *RuleResults) HasDefectAt(path Path) bool {
	return slices.ContainsFunc(results.defects, func(e *problem.Error) bool { return e.Path == path.String() })
}

// DowngradeToWarnings turns the violations into warnings, except those of the given codes.
func (results *RuleResults) DowngradeToWarnings(except ...problem.Code) {
	results.violations = slices.DeleteFunc(results.violations, func(broken *problem.Error) bool {
		if slices.Contains(except, broken.Code) {
			return false
		}
		detail := texts.Join(texts.Literal(broken.Related), broken.Detail)
		results.warnings = append(results.warnings, Warning{Code: broken.Code, Path: Path(broken.Path), Detail: detail})
		return true
	})
}

// ToError returns one refusal with all defects of the message and all violations, in this order.
func (results *RuleResults) ToError() error {
	return problem.List(RulesViolated, slices.Concat(results.defects, results.violations))
}
