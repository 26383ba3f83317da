package service

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/operatorpages"
)

// developmentOperator is the person of the development data who is the operator: Minh Nguyen, who is nothing else.
const developmentOperator = "05041801691"

// maxOperatorsFile bounds the file with the operators, in bytes.
const maxOperatorsFile = 64 << 10

// newOperatorPages returns the configuration of the operator's pages, or nil if nobody is an operator.
func (c *Config) newOperatorPages(r *openRegister, state *operatorState) *operatorpages.Config {
	if c.Portal.OperatorsFile == "" && !c.Development {
		return nil
	}
	return &operatorpages.Config{
		Register: r.store, IsOperator: c.isOperator, Now: c.Now, NewID: func() string { return NewID(c.Now()) }, Log: c.Log,
		ReadState: func(ctx context.Context) operatorpages.State { return state.read(ctx, c, r) },
	}
}

// isOperator reads the file each time: who is deleted from it is no operator any more.
func (c *Config) isOperator(ctx context.Context, person ident.SSIN) bool {
	if c.Portal.OperatorsFile == "" {
		return c.Development && person.Digits() == developmentOperator
	}
	operators, err := readOperators(c.Portal.OperatorsFile)
	if err != nil {
		c.Log.ErrorContext(ctx, "nobody is an operator", slog.String("error", err.Error()))
	}
	return slices.Contains(operators, person)
}

// readOperators reads the national numbers of the operators: one in each line, of which # begins a remark. An error
// never repeats what stands there.
func readOperators(name string) (_ []ident.SSIN, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, &SettingError{Setting: "portal-operators", Err: err}
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var operators []ident.SSIN
	lines := bufio.NewScanner(io.LimitReader(file, maxOperatorsFile))
	for line := 1; lines.Scan(); line++ {
		number, _, _ := strings.Cut(lines.Text(), "#")
		if number = ident.TrimPunctuation(strings.TrimSpace(number)); number == "" {
			continue
		}
		person, invalid := ident.ParseSSIN(number)
		if invalid != nil {
			return nil, &SettingError{
				Setting: "portal-operators", File: name, Err: fmt.Errorf("line %d: not a national number", line),
			}
		}
		operators = append(operators, person)
	}
	if err = lines.Err(); err != nil {
		return nil, &SettingError{Setting: "portal-operators", File: name, Err: err}
	}
	return operators, nil
}
