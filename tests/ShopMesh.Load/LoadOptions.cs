namespace ShopMesh.Load;

/// <summary>What a load is made of.</summary>
/// <param name="Gateway">Where the shop is.</param>
public sealed record LoadOptions(Uri Gateway)
{
    /// <summary>Requests per second that are offered, whatever comes back, until the load is stopped. A <see cref="Profile"/> takes its place.</summary>
    public double Rate { get; init; } = 100;

    /// <summary>How the rate goes over time; the load ends with it.</summary>
    public Profile? Profile { get; init; }

    public Mix Mix { get; init; } = Mix.Default;

    /// <summary>What is known of the shop before; null to read it when the load starts.</summary>
    public KnownShop? Shop { get; init; }

    /// <summary>How long a request may take before it counts as failed: longer than the gateway gives it.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>How long an order that is watched may take to its end.</summary>
    public TimeSpan WatchTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How old a connection may get: a client that kept its own for ever would never meet a new pod of the gateway.</summary>
    public TimeSpan ConnectionLifetime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Connections at the same time, event streams not counted. A request that finds none free waits for one, and its latency shows it.</summary>
    public int MaxConnections { get; init; } = 1_000;

    /// <summary>Visits at the same time. What is due beyond is not begun, and is on record as <see cref="FailureKind.NotSent"/>: a shop that stands still must not take the generator's memory.</summary>
    public int MaxVisits { get; init; } = 20_000;
}
