namespace ShopMesh.Hosting;

/// <summary>A service of the mesh.</summary>
/// <param name="Name">Its name everywhere: in addresses, as a client of identity, as database and role.</param>
/// <param name="Folder">Where its project is, below the repository.</param>
/// <param name="HasDatabase">Whether it owns a database.</param>
/// <param name="Calls">The services that it calls over gRPC, with a token of its own.</param>
public sealed record MeshService(string Name, string Folder, bool HasDatabase, params IReadOnlyList<string> Calls)
{
    public bool IsGateway => Name == Topology.Gateway;

    /// <summary>Whether it is a client of identity, with a secret of its own.</summary>
    public bool IsClient => Calls.Count > 0;

    /// <summary>The name of its assembly, such as <c>ShopMesh.Catalog</c>.</summary>
    public string Assembly => $"ShopMesh.{char.ToUpperInvariant(Name[0])}{Name[1..]}";
}

/// <summary>The mesh as one table: who there is, who owns data and who calls whom.</summary>
public static class Topology
{
    public const string Gateway = "gateway";

    public static IReadOnlyList<MeshService> Services { get; } =
    [
        new("identity", "services/identity", HasDatabase: true),
        new("catalog", "services/catalog", HasDatabase: true),
        new("inventory", "services/inventory", HasDatabase: true),
        new("basket", "services/basket", HasDatabase: true, "catalog"),
        new("payment", "services/payment", HasDatabase: true),
        new("shipping", "services/shipping", HasDatabase: true),
        new("ordering", "services/ordering", HasDatabase: true, "basket", "catalog", "inventory", "payment", "shipping"),
        new(Gateway, "gateway", HasDatabase: false),
    ];

    /// <exception cref="ShopException">There is no such service.</exception>
    public static MeshService Service(string name) =>
        Services.FirstOrDefault(service => service.Name == name)
        ?? throw new ShopException($"There is no service '{name}': there are {string.Join(", ", Services.Select(service => service.Name))}.");
}
