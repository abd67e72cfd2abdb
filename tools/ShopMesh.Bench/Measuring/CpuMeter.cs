namespace ShopMesh.Bench.Measuring;

/// <summary>What each process took between two moments.</summary>
internal sealed class CpuMeter(Func<IReadOnlyDictionary<string, TimeSpan>> times)
{
    private IReadOnlyDictionary<string, TimeSpan> _before = new Dictionary<string, TimeSpan>();

    /// <summary>By process; empty until it was stopped.</summary>
    public IReadOnlyDictionary<string, TimeSpan> Taken { get; private set; } = new Dictionary<string, TimeSpan>();

    public void Start() => _before = times();

    public void Stop() => Taken = times().Where(time => _before.ContainsKey(time.Key)).ToDictionary(time => time.Key, time => time.Value - _before[time.Key]);
}
