using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpenIddict.Abstractions;
using ShopMesh.Identity.Data;
using ShopMesh.Identity.Keys;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace ShopMesh.Identity;

/// <summary>Who may ask for tokens, and for which: people through one public client, and each service that calls others for itself.</summary>
internal static class Clients
{
    public const string People = "shopmesh";

    /// <summary>One for each service's gRPC interface.</summary>
    public static readonly string[] Scopes = ["catalog", "inventory", "basket", "payment", "shipping", "ordering"];

    /// <summary>Of what the client was made, secret included.</summary>
    private const string MarkProperty = "mark";

    private static readonly Dictionary<string, string[]> ScopesOfServices = new()
    {
        ["basket"] = ["catalog"],
        ["ordering"] = ["basket", "catalog", "inventory", "payment", "shipping"],
    };

    /// <summary>Makes the clients as they should be, with the secrets of <c>Identity:Clients</c>; a service without one gets no tokens.</summary>
    public static async Task RegisterAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var clients = Describe(services.GetRequiredService<IConfiguration>(), services.GetRequiredService<KeyProtection>());
        if (await AreRegisteredAsync(services.GetRequiredService<NpgsqlDataSource>(), clients, cancellationToken))
            return;

        var applications = services.GetRequiredService<IOpenIddictApplicationManager>();
        var context = services.GetRequiredService<IdentityContext>();
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        // Any number of pods may do so at once.
        await context.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtext('clients'))", cancellationToken);
        foreach (var client in clients)
        {
            if (await applications.FindByClientIdAsync(client.ClientId!, cancellationToken) is { } known)
                await applications.UpdateAsync(known, client, cancellationToken);
            else
                await applications.CreateAsync(client, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    private static List<OpenIddictApplicationDescriptor> Describe(IConfiguration configuration, KeyProtection protection)
    {
        var people = new OpenIddictApplicationDescriptor { ClientId = People, ClientType = ClientTypes.Public, DisplayName = "People" };
        people.Permissions.UnionWith([Permissions.Endpoints.Token, Permissions.GrantTypes.Password, Permissions.GrantTypes.RefreshToken]);
        List<OpenIddictApplicationDescriptor> clients = [people];
        foreach (var (service, scopes) in ScopesOfServices)
        {
            if (configuration[$"Identity:Clients:{service}"] is not { Length: > 0 } secret)
                continue;
            var client = new OpenIddictApplicationDescriptor { ClientId = service, ClientSecret = secret, ClientType = ClientTypes.Confidential, DisplayName = service };
            client.Permissions.UnionWith([Permissions.Endpoints.Token, Permissions.GrantTypes.ClientCredentials]);
            client.Permissions.UnionWith(scopes.Select(scope => Permissions.Prefixes.Scope + scope));
            clients.Add(client);
        }

        foreach (var client in clients)
        {
            var mark = protection.Mark(string.Join('\n', [client.ClientId!, client.ClientType!, client.ClientSecret ?? "", .. client.Permissions.Order(StringComparer.Ordinal)]));
            client.Properties[MarkProperty] = JsonElement.Parse($"\"{mark}\"");
        }

        return clients;
    }

    /// <summary>One look: to hash the secrets again at each start, slowly as it should be, takes longer than the rest of it.</summary>
    private static async Task<bool> AreRegisteredAsync(NpgsqlDataSource database, List<OpenIddictApplicationDescriptor> clients, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("""
            SELECT count(*) FROM "OpenIddictApplications" known JOIN unnest($1, $2) wanted (client_id, mark)
            ON known.client_id = wanted.client_id AND known.properties::jsonb ->> $3 = wanted.mark
            """);
        command.Parameters.Add(new() { Value = clients.Select(client => client.ClientId!).ToArray() });
        command.Parameters.Add(new() { Value = clients.Select(client => client.Properties[MarkProperty].GetString()!).ToArray() });
        command.Parameters.Add(new() { Value = MarkProperty });
        return await command.ExecuteScalarAsync(cancellationToken) is long registered && registered == clients.Count;
    }
}
