namespace ShopMesh.Hosting;

public sealed record LocalShopOptions
{
    /// <summary>Where its state, secrets and logs are; null for a temporary folder that goes, with the data, when the shop is disposed of.</summary>
    public string? Directory { get; init; }

    /// <summary>The public port; null for a free one.</summary>
    public int? GatewayPort { get; init; }

    /// <summary>Which services run; by default all. Calls to one that does not are refused at once.</summary>
    public IReadOnlyList<string> Services { get; init; } = [.. Topology.Services.Select(service => service.Name)];

    /// <summary>By service: how many processes of it run; by default one. The gateway is always one.</summary>
    public Dictionary<string, int> Replicas { get; init; } = [];

    /// <summary>By service, or <c>*</c> for all: environment variables, which win over those of the shop.</summary>
    public Dictionary<string, Dictionary<string, string>> Settings { get; init; } = [];

    /// <summary>An administrator's connection string of a PostgreSQL server to use; null for an embedded one.</summary>
    public string? Postgres { get; init; }

    /// <summary>Where the services' published programs are, in a folder for each; null for what was built.</summary>
    public string? Programs { get; init; }

    /// <summary>Whether the demo accounts, products and stock are made.</summary>
    public bool DemoData { get; init; } = true;

    /// <summary>The processes live on when this program ends.</summary>
    public bool Detached { get; init; }
}

public enum StartStage
{
    Starting,
    Ready,
}

/// <summary>How far the start of a shop has come.</summary>
/// <param name="Name">A service's replica, or <c>postgres</c>.</param>
/// <param name="Detail">What it does, or where it is.</param>
public sealed record StartProgress(string Name, StartStage Stage, string Detail);
