package main

import (
	"errors"
	"io"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/operator"
)

// statisticsCommand exports statistics.
type statisticsCommand struct {
	registerFlags
	outputFlags
	surgeryPeriodFlags
	By       string `help:"code, category, month (of surgery), hospital or delay (days from surgery to notification)." enum:"code,category,month,hospital,delay" default:"month"`
	Exact    bool   `help:"Show counts below 5, which may identify a person. The audit log records it."`
	Operator string `help:"Name of the operator for the audit log; the account name if omitted." placeholder:"NAME"`
}

// Run exports the statistics.
func (c *statisticsCommand) Run(e environment) (err error) {
	r := operator.StatisticsReport{
		Query:  implants.StatisticsQuery{GroupBy: implants.Grouping(c.By)},
		Format: c.Format,
		Exact:  c.Exact,
	}
	if r.Query.From, r.Query.To, err = c.parseDates(); err != nil {
		return err
	}
	db, err := c.openStore(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return c.writeOutput(
		e, func(w io.Writer) error { return r.Write(e.ctx, db, operatorFlags{By: c.Operator}.newOperator(db), w) },
	)
}
