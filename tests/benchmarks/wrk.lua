-- Sends one request over and over. Arguments: the API key and, for a POST, the body.

function init(arguments)
    wrk.headers["X-API-Key"] = arguments[1]
    if arguments[2] then
        wrk.method = "POST"
        wrk.body = arguments[2]
        wrk.headers["Content-Type"] = "application/json"
        wrk.headers["Accept"] = "application/json, text/event-stream"
        wrk.headers["MCP-Protocol-Version"] = "2025-11-25"
    end
    request_text = wrk.format()
end

-- Made once, so that making it takes no time from those who answer.
function request()
    return request_text
end

function done(summary, latency)
    local errors = summary.errors
    local faults = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    print(string.format("figures %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), faults))
end
