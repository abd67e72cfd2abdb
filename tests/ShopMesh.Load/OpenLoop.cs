using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using ShopMesh.Load.Journeys;

namespace ShopMesh.Load;

/// <summary>
/// A load that goes on at its own pace: visits begin by a schedule, and not when the shop has time for them, as real customers do.
/// Latencies count from the schedule, so that a shop that stands still for a second shows it in every request that was due in it.
/// </summary>
public sealed class OpenLoop : IAsyncDisposable
{
    /// <summary>Whatever is due within a tick begins at its end, all at once.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    /// <summary>How soon a load ends that is stopped.</summary>
    private static readonly TimeSpan LongestSleep = TimeSpan.FromMilliseconds(20);

    private readonly LoadOptions _options;
    private readonly Profile _profile;
    private readonly KnownShop _shop;
    private readonly Customers _customers;
    private readonly ShopClient _client;
    private readonly Recorder _recorder;
    private readonly JourneyRecord[] _round;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<TimeSpan> _scheduled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _sampling;
    private int _open = 1;
    private ExceptionDispatchInfo? _fault;
    private LoadReport? _report;

    private OpenLoop(LoadOptions options, KnownShop shop, Customers customers)
    {
        (_options, _shop, _customers) = (options, shop, customers);
        _profile = options.Profile ?? Profile.Constant(options.Rate, TimeSpan.FromDays(365));
        _client = new(options);
        var journeys = options.Mix.Interleave();
        _recorder = new(options.Mix.Parts.Select(part => part.Journey).Distinct());
        _round = [.. journeys.Select(_recorder.Of)];
        _recorder.Begin();
        _sampling = SampleAsync();
        new Thread(Schedule) { Name = "schedule", IsBackground = true }.Start();
    }

    /// <summary>Requests that were answered, or failed, until now.</summary>
    public long Requests => _recorder.Requests;

    /// <summary>Those that failed, until now.</summary>
    public long Failures => _recorder.Failures;

    /// <summary>Visits under way.</summary>
    public long Open => _recorder.Open;

    /// <summary>The last whole second.</summary>
    public LoadProgress Latest => _recorder.Latest;

    /// <summary>Ends when the profile does, or at <see cref="StopAsync"/>; visits may still be under way.</summary>
    public Task Scheduled => _scheduled.Task;

    /// <summary>Starts a load that goes on to the end of its profile or until <see cref="StopAsync"/>.</summary>
    /// <exception cref="LoadException">The shop does not answer, or has not what the mix needs.</exception>
    public static async Task<OpenLoop> StartAsync(LoadOptions options, Customers customers, CancellationToken cancellationToken)
    {
        var shop = options.Shop ?? await KnownShop.ReadAsync(options.Gateway, cancellationToken: cancellationToken);
        if (shop.Shipping is null && options.Mix.Parts.Any(part => part.Journey.Orders))
            throw new LoadException("There is no standard shipping, or the service is away: nothing can be ordered.");
        if (!shop.IsSearchable && options.Mix.Parts.Any(part => part.Journey.Searches))
            throw new LoadException("No product has a name with a word to search for.");
        if (customers.Count == 0 && options.Mix.NeedsCustomers)
            throw new LoadException("The mix needs customers who are signed in.");
        return new(options, shop, customers);
    }

    /// <summary>A load from the beginning of its profile to its end.</summary>
    /// <param name="cancellationToken">Ends it early; the report is of what there was.</param>
    /// <exception cref="LoadException">The shop does not answer, or has not what the mix needs.</exception>
    public static async Task<LoadReport> RunAsync(LoadOptions options, Customers customers, CancellationToken cancellationToken)
    {
        await using var load = await StartAsync(options, customers, cancellationToken);
        await load.Scheduled.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return await load.StopAsync();
    }

    /// <summary>Begins no more visits, and waits for those under way.</summary>
    public async Task<LoadReport> StopAsync()
    {
        if (_report is null)
        {
            await _stop.CancelAsync();
            var elapsed = await _scheduled.Task;
            await _ended.Task;
            await _sampling;
            _fault?.Throw();
            _report = _recorder.Report(_options, _profile, elapsed);
        }

        return _report;
    }

    public async ValueTask DisposeAsync()
    {
        await ((Task)StopAsync()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _client.Dispose();
        _stop.Dispose();
    }

    /// <summary>Runs on a thread of its own, which turns once a tick and begins what is due: ten thousand timers a second would cost more than the requests.</summary>
    private void Schedule()
    {
        var begin = Stopwatch.GetTimestamp();
        long number = 0;
        foreach (var seconds in _profile.Arrivals(_options.Mix.RequestsEach))
        {
            var due = Tick * Math.Ceiling(seconds / Tick.TotalSeconds);
            if (!SleepUntil(due))
                break;
            Begin(_round[number++ % _round.Length], begin + (due.Ticks * Stopwatch.Frequency / TimeSpan.TicksPerSecond));
        }

        // A rate lasts for the time that it was asked for, and not until its last arrival.
        SleepUntil(_profile.Duration);
        _scheduled.SetResult(Stopwatch.GetElapsedTime(begin));
        EndOne();

        bool SleepUntil(TimeSpan due)
        {
            while (due - Stopwatch.GetElapsedTime(begin) is var left && left > TimeSpan.Zero && !_stop.IsCancellationRequested)
                Pause.For(left < LongestSleep ? left : LongestSleep);
            return !_stop.IsCancellationRequested;
        }
    }

    private void Begin(JourneyRecord record, long due)
    {
        record.Due();
        if (Volatile.Read(ref _open) > _options.MaxVisits)
        {
            record.Failed(new(DateTimeOffset.UtcNow, record.Journey.Name, record.Journey.Name, "load", FailureKind.NotSent, null, $"{_options.MaxVisits} visits were under way"), latency: null);
            return;
        }

        _recorder.Late(Stopwatch.GetElapsedTime(due));
        Interlocked.Increment(ref _open);
        _ = VisitAsync(record, due);
    }

    private async Task VisitAsync(JourneyRecord record, long due)
    {
        record.Begun();
        var failed = false;
        Visit? visit = null;
        try
        {
            Customer? customer = null;
            if (record.Journey.NeedsCustomer && (customer = _customers.TryBorrow()) is null)
            {
                _recorder.WaitedForCustomer();
                customer = await _customers.BorrowAsync(CancellationToken.None);
            }

            visit = new(_client, record, _shop, _customers, customer, due);
            await record.Journey.RunAsync(visit);
        }
        catch (RequestFailedException)
        {
            // It is on record, and the visitor has left.
            failed = true;
        }
#pragma warning disable CA1031 // What nobody foresaw is the generator's own fault, and no figure of such a load is worth anything.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _fault ??= ExceptionDispatchInfo.Capture(e);
            await _stop.CancelAsync();
        }
        finally
        {
            visit?.LetCustomerGo();
            record.Ended(Stopwatch.GetElapsedTime(due), failed);
            EndOne();
        }
    }

    /// <summary>The schedule counts as one, too.</summary>
    private void EndOne()
    {
        if (Interlocked.Decrement(ref _open) == 0)
            _ended.SetResult();
    }

    private async Task SampleAsync()
    {
        using var seconds = new PeriodicTimer(TimeSpan.FromSeconds(1));
        while (await Task.WhenAny(seconds.WaitForNextTickAsync().AsTask(), _ended.Task) != _ended.Task)
            _recorder.Take();
    }
}

/// <summary>Sleeps to a tenth of a millisecond where the system can: <see cref="Thread.Sleep(int)"/> knows whole milliseconds only, and what oversleeps is added to every latency.</summary>
internal static partial class Pause
{
    public static void For(TimeSpan time)
    {
        if (OperatingSystem.IsWindows())
            Thread.Sleep(time < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : time);
        else
            _ = Sleep(new(0, (nint)time.TotalNanoseconds), 0);
    }

    [DllImport("libc", EntryPoint = "nanosleep")]
    private static extern int Sleep(in Timespec time, nint left);

    private readonly record struct Timespec(nint Seconds, nint Nanoseconds);
}
