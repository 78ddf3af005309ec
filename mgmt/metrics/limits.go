package metrics

import "time"

const (
	// answerBound is how long a scrape waits for roles and database. They answer within a millisecond, or hang.
	answerBound = 300 * time.Millisecond
	// scrapesAtOnce bounds the scrapes that wait for each other; more are told to come later.
	scrapesAtOnce = 4
	// maxRoutes bounds the routes of which requests are counted, 30 series each. The API has a good hundred; what comes
	// after that is counted as "other".
	maxRoutes = 512
)

// latencyBounds are the buckets of an lcore's latency, in seconds: the whole of what was ever measured, from an idle core
// to one whose CPU was taken away. The segment knows values to 6 %, so that a bound is true to as much.
var latencyBounds = []float64{
	500e-9, 1e-6, 2e-6, 5e-6, 10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 100e-3, 1,
}

// requestBounds are those of requests to the API. Its goal for lists is 50 ms, for reads 20.
var requestBounds = []float64{1e-3, 2.5e-3, 5e-3, 10e-3, 20e-3, 50e-3, 0.1, 0.25, 0.5, 1, 2.5, 10}
