using System.Diagnostics;
using ShopMesh.Load.Journeys;

namespace ShopMesh.Load;

/// <summary>
/// A load that goes on at its own pace: visits begin by a schedule, and not when the shop has time for them, as real customers do.
/// </summary>
public sealed class OpenLoop : IAsyncDisposable
{
    private readonly HttpClient _http;
    private readonly KnownShop _shop;
    private readonly Customers _customers;
    private readonly Recorder _recorder = new();
    private readonly Journey[] _journeys;
    private readonly TimeSpan _interval;
    private readonly CancellationTokenSource _stop = new();
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Task _running;
    private LoadReport? _report;

    private OpenLoop(LoadOptions options, HttpClient http, KnownShop shop, Customers customers)
    {
        (_http, _shop, _customers) = (http, shop, customers);
        _journeys = Interleave((Journey.Browse, options.Mix.Browse), (Journey.Basket, options.Mix.Basket), (Journey.Order, options.Mix.Order));
        _interval = TimeSpan.FromSeconds(_journeys.Average(journey => journey.Requests) / options.Rate);
        _running = RunAsync(_stop.Token);
    }

    /// <summary>Requests that were answered, or failed, until now.</summary>
    public long Requests => _recorder.Requests;

    /// <summary>Those that failed, until now.</summary>
    public int Failures => _recorder.Failures;

    /// <summary>Starts a load that goes on until <see cref="StopAsync"/>.</summary>
    public static async Task<OpenLoop> StartAsync(LoadOptions options, Customers customers, CancellationToken cancellationToken)
    {
        var http = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionLifetime = options.ConnectionLifetime,
            ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
        })
        {
            BaseAddress = options.Gateway,
            Timeout = options.Timeout,
        };
        return new(options, http, await KnownShop.ReadAsync(http, cancellationToken), customers);
    }

    /// <summary>Begins no more visits, and waits for those under way.</summary>
    public async Task<LoadReport> StopAsync()
    {
        if (_report is null)
        {
            await _stop.CancelAsync();
            var elapsed = _watch.Elapsed;
            await _running;
            _report = _recorder.Report(elapsed);
        }

        return _report;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken stop)
    {
        var start = Stopwatch.GetTimestamp();
        var visits = new HashSet<Task>();
        for (long number = 0; ; number++)
        {
            var due = start + (long)(number * _interval.TotalSeconds * Stopwatch.Frequency);
            var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
                break;
            visits.RemoveWhere(visit => visit.IsCompletedSuccessfully);
            visits.Add(VisitAsync(_journeys[number % _journeys.Length], due));
        }

        await Task.WhenAll(visits);
    }

    private async Task VisitAsync(Journey journey, long due)
    {
        var customer = journey.NeedsCustomer ? await _customers.BorrowAsync(CancellationToken.None) : null;
        try
        {
            await journey.RunAsync(new(_http, _shop, customer, _recorder, due));
        }
        catch (RequestFailedException)
        {
            // It is on record, and the visitor has left.
        }
        finally
        {
            if (customer is not null)
                _customers.Return(customer);
        }
    }

    /// <summary>Each as often as its weight says, and evenly spread.</summary>
    private static Journey[] Interleave(params (Journey Journey, int Weight)[] weighted) =>
        [.. weighted.SelectMany(pair => Enumerable.Range(0, pair.Weight).Select(index => (pair.Journey, At: (index + 0.5) / pair.Weight))).OrderBy(pair => pair.At).Select(pair => pair.Journey)];
}
