package engine

import (
	"slices"
	"strings"
)

// Conditions are the parts of a WHERE clause and their arguments.
type Conditions struct {
	Clauses []string
	Args    []any
}

// Add adds a condition with its arguments.
func (c *Conditions) Add(text string, args ...any) {
	c.Clauses = append(c.Clauses, text)
	c.Args = append(c.Args, args...)
}

// AddIfSet adds a condition with one argument, unless the value is empty.
func (c *Conditions) AddIfSet(text, value string) {
	if value != "" {
		c.Add(text, value)
	}
}

// String joins the conditions by AND.
func (c *Conditions) String() string { return strings.Join(c.Clauses, " AND ") }

// MaxListParameters bounds the parameters of the operator IN.
const MaxListParameters = 64

// PaddedInList returns a parameter list for the operator IN and its arguments. It pads the list to one of three
// lengths, so that there are few distinct statements to prepare.
func PaddedInList(args []any) (string, []any) {
	length := 1
	for length < len(args) {
		length *= 8
	}
	args = slices.Clone(args)
	for len(args) < length {
		args = append(args, args[0])
	}
	return `(` + placeholders(length) + `)`, args
}

// InList returns a parameter list for the operator IN.
func InList(length int) string { return `(` + placeholders(length) + `)` }

func placeholders(n int) string { return `?` + strings.Repeat(`, ?`, n-1) }

// ToArgs converts values to the arguments of a statement.
func ToArgs[T any](values []T) []any {
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = value
	}
	return args
}
