using Npgsql;

namespace ShopMesh.Bench;

/// <summary>
/// Many rows at once, straight into a service's database: copies of rows that the service has written itself, whatever columns
/// they have, with other keys. Statistics and visibility are brought up to date as autovacuum would.
/// </summary>
internal static class Seed
{
    /// <summary>How many products share a word that no other has, nor begins with: what a search for it finds is as much in a catalog of any size.</summary>
    public const int PerWord = 20;

    public static string Word(int number) => $"lot{number:000000}";

    /// <returns>The ids of all products.</returns>
    public static async Task<IReadOnlyList<string>> ProductsAsync(string connectionString, int count, CancellationToken cancellationToken)
    {
        await using var database = Open(connectionString);
        var columns = await ColumnsAsync(database, "products", new()
        {
            ["id"] = "('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid",
            ["name"] = $"t.name || ' lot' || lpad(((t.places + n) / {PerWord})::text, 6, '0')",
        }, cancellationToken);
        await RunAsync(database, $"""
            INSERT INTO products ({string.Join(", ", columns.Keys)})
            SELECT {string.Join(", ", columns.Values)}
            FROM generate_series(0, {count} - 1 - (SELECT count(*) FROM products)) AS n
            JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS places FROM products) AS t ON t.place = n % t.places
            """, cancellationToken);
        await RunAsync(database, $"""
            UPDATE products SET name = name || ' lot' || lpad((t.place / {PerWord})::text, 6, '0')
            FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM products WHERE name NOT LIKE '% lot%') AS t WHERE t.id = products.id
            """, cancellationToken);
        await RunAsync(database, "VACUUM ANALYZE products", cancellationToken);
        return await ReadAsync(database, "SELECT id::text FROM products ORDER BY id", cancellationToken);
    }

    /// <summary>Copies of an order, owned by the customers in turn.</summary>
    /// <returns>The ids of at most a million of them; the n-th belongs to customer n modulo their number.</returns>
    public static async Task<IReadOnlyList<string>> OrdersAsync(string connectionString, string order, IReadOnlyList<string> customers, int count, CancellationToken cancellationToken)
    {
        await using var database = Open(connectionString);
        var columns = await ColumnsAsync(database, "orders", new()
        {
            ["id"] = "('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid",
            ["customer_id"] = $"(ARRAY[{string.Join(", ", customers.Select(customer => $"'{Guid.Parse(customer)}'"))}])[1 + n % {customers.Count}]",
            ["created_at"] = "t.created_at - interval '1 s' * (1000000 - n)",
            ["updated_at"] = "t.updated_at - interval '1 s' * (1000000 - n)",
        }, cancellationToken);
        await RunAsync(database, $"""
            INSERT INTO orders ({string.Join(", ", columns.Keys)})
            SELECT {string.Join(", ", columns.Values)} FROM generate_series(0, {count} - 1) AS n, (SELECT * FROM orders WHERE id = '{Guid.Parse(order)}') AS t
            """, cancellationToken);
        await RunAsync(database, "VACUUM ANALYZE orders", cancellationToken);
        return [.. Enumerable.Range(0, count).Select(n => $"01900000-0000-7000-8000-{n:x12}")];
    }

    public static NpgsqlDataSource Open(string connectionString) => NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { CommandTimeout = 240, MaxPoolSize = 2 });

#pragma warning disable CA2100 // Names and numbers of our own.
    public static async Task<IReadOnlyList<string>> ReadAsync(NpgsqlDataSource database, string query, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(query);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var values = new List<string>();
        while (await reader.ReadAsync(cancellationToken))
            values.Add(reader.GetString(0));
        return values;
    }

    public static async Task RunAsync(NpgsqlDataSource database, string statement, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(statement);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
#pragma warning restore CA2100

    /// <summary>Each column that can be written, and what a copy has in it: by default what the row <c>t</c> has.</summary>
    private static async Task<Dictionary<string, string>> ColumnsAsync(NpgsqlDataSource database, string table, Dictionary<string, string> others, CancellationToken cancellationToken)
    {
        var names = await ReadAsync(database, $"SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' AND is_generated = 'NEVER'", cancellationToken);
        return names.ToDictionary(name => name, name => others.GetValueOrDefault(name, $"t.{name}"));
    }
}
