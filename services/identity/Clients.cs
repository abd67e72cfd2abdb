using Microsoft.EntityFrameworkCore;
using OpenIddict.Abstractions;
using ShopMesh.Identity.Data;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace ShopMesh.Identity;

/// <summary>Who may ask for tokens, and for which: people through one public client, and each service that calls others for itself.</summary>
internal static class Clients
{
    public const string People = "shopmesh";

    /// <summary>One for each service's gRPC interface.</summary>
    public static readonly string[] Scopes = ["catalog", "inventory", "basket", "payment", "shipping", "ordering"];

    private static readonly Dictionary<string, string[]> ScopesOfServices = new()
    {
        ["basket"] = ["catalog"],
        ["ordering"] = ["basket", "catalog", "inventory", "payment", "shipping"],
    };

    /// <summary>Makes the clients as they should be, with the secrets of <c>Identity:Clients</c>; a service without one gets no tokens.</summary>
    public static async Task RegisterAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var applications = services.GetRequiredService<IOpenIddictApplicationManager>();
        var context = services.GetRequiredService<IdentityContext>();
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        // Any number of pods may do so at once.
        await context.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtext('clients'))", cancellationToken);

        var people = new OpenIddictApplicationDescriptor { ClientId = People, ClientType = ClientTypes.Public, DisplayName = "People", };
        people.Permissions.UnionWith([Permissions.Endpoints.Token, Permissions.GrantTypes.Password, Permissions.GrantTypes.RefreshToken]);
        await SaveAsync(people);

        foreach (var (service, scopes) in ScopesOfServices)
        {
            if (services.GetRequiredService<IConfiguration>()[$"Identity:Clients:{service}"] is not { Length: > 0 } secret)
                continue;
            var client = new OpenIddictApplicationDescriptor { ClientId = service, ClientSecret = secret, ClientType = ClientTypes.Confidential, DisplayName = service };
            client.Permissions.UnionWith([Permissions.Endpoints.Token, Permissions.GrantTypes.ClientCredentials]);
            client.Permissions.UnionWith(scopes.Select(scope => Permissions.Prefixes.Scope + scope));
            await SaveAsync(client);
        }

        await transaction.CommitAsync(cancellationToken);

        async Task SaveAsync(OpenIddictApplicationDescriptor client)
        {
            if (await applications.FindByClientIdAsync(client.ClientId!, cancellationToken) is { } known)
                await applications.UpdateAsync(known, client, cancellationToken);
            else
                await applications.CreateAsync(client, cancellationToken);
        }
    }
}
