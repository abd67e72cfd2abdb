using Npgsql;

namespace ShopMesh.Hosting;

/// <summary>A PostgreSQL server that gives each service a database of its own.</summary>
/// <param name="adminConnectionString">For a role that may create roles and databases.</param>
public sealed class DatabaseServer(string adminConnectionString)
{
    /// <summary>Makes a role and a database of one name, if they are not there yet; only that role may connect to it.</summary>
    /// <param name="name">Lower-case letters, digits and underscores, a letter first.</param>
    /// <returns>A connection string for the role.</returns>
    public async Task<string> CreateDatabaseAsync(string name, string password, CancellationToken cancellationToken = default)
    {
        if (name.Length is 0 or > 63 || !char.IsAsciiLetterLower(name[0]) || !name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_'))
            throw new ArgumentException($"'{name}' cannot name a database here.", nameof(name));

        // DDL takes no parameters; the name was checked above, and the password is quoted by the server.
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(adminConnectionString) { Pooling = false });
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var literal = new NpgsqlCommand("SELECT quote_literal($1)", connection) { Parameters = { new() { Value = password } } };
        var quoted = (string)(await literal.ExecuteScalarAsync(cancellationToken))!;
        var verb = await ExistsAsync("SELECT 1 FROM pg_roles WHERE rolname = $1") ? "ALTER" : "CREATE";
        await RunAsync($"{verb} ROLE {name} LOGIN PASSWORD {quoted}");
        if (!await ExistsAsync("SELECT 1 FROM pg_database WHERE datname = $1"))
        {
            await RunAsync($"GRANT {name} TO CURRENT_USER");
            await RunAsync($"CREATE DATABASE {name} OWNER {name}");
        }

        await RunAsync($"REVOKE ALL ON DATABASE {name} FROM PUBLIC");
        return new NpgsqlConnectionStringBuilder(adminConnectionString) { Database = name, Username = name, Password = password, MaxPoolSize = 10 }.ConnectionString;

        async Task<bool> ExistsAsync(string query)
        {
            await using var command = new NpgsqlCommand(query, connection) { Parameters = { new() { Value = name } } };
            return await command.ExecuteScalarAsync(cancellationToken) is not null;
        }

        async Task RunAsync(string statement)
        {
#pragma warning disable CA2100 // The name was checked, and the password quoted.
            await using var command = new NpgsqlCommand(statement, connection);
#pragma warning restore CA2100
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Nobody but the administrator may connect to the databases that come with the server.</summary>
    internal async Task CloseToOthersAsync(CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(adminConnectionString) { Pooling = false });
        await using var command = source.CreateCommand("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC");
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
