package metrics

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Type is a metric's type as Prometheus spells it.
type Type string

// The types that we use.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
)

// Metric declares a metric.
type Metric struct {
	Name   string
	Type   Type
	Help   string
	Labels []string

	desc *prometheus.Desc
}

var declared []*Metric

func declare(t Type, name, help string, labels []string) *Metric {
	m := &Metric{Name: name, Type: t, Help: help, Labels: labels, desc: prometheus.NewDesc(name, help, labels, nil)}
	declared = append(declared, m)
	return m
}

func counter(name, help string, labels ...string) *Metric {
	return declare(Counter, name, help, labels)
}
func gauge(name, help string, labels ...string) *Metric { return declare(Gauge, name, help, labels) }

func histogram(name, help string, labels ...string) *Metric {
	return declare(Histogram, name, help, labels)
}

// Catalogue is all metrics of this package, by name. The Go runtime's and the process's own come beside them.
func Catalogue() []*Metric {
	return slices.SortedFunc(slices.Values(declared), func(a, b *Metric) int { return strings.Compare(a.Name, b.Name) })
}

// sink is where a scrape puts its values.
type sink chan<- prometheus.Metric

// put tells a value. Label values come from the segment and from admins: whatever is not text is made text.
func (s sink) put(m *Metric, value float64, labels ...string) {
	t := prometheus.GaugeValue
	if m.Type == Counter {
		t = prometheus.CounterValue
	}
	told, err := prometheus.NewConstMetric(m.desc, t, value, texts(labels)...)
	if err != nil {
		told = prometheus.NewInvalidMetric(m.desc, err)
	}
	s <- told
}

// count is put for the counters of the segment.
func (s sink) count(m *Metric, value uint64, labels ...string) { s.put(m, float64(value), labels...) }

// is tells a condition: 1 when it holds.
func (s sink) is(m *Metric, holds bool, labels ...string) {
	value := 0.0
	if holds {
		value = 1
	}
	s.put(m, value, labels...)
}

func texts(labels []string) []string {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "?")
	}
	return labels
}
