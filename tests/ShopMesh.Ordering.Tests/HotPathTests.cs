using System.Net;
using System.Text.Json.Nodes;
using Npgsql;

namespace ShopMesh.Ordering.Tests;

/// <summary>The whole shop, to be filled with orders.</summary>
public sealed class LargeShop() : RunningShop("catalog", "inventory", "basket", "payment", "shipping", "ordering");

/// <summary>
/// An order costs the same however many there were before it: the databases say how many rows they have read for it. Statements are
/// prepared while the tables are almost empty, as in a new shop, and have to be good for large ones.
/// </summary>
public sealed class HotPathTests(LargeShop shop, ITestOutputHelper output) : IClassFixture<LargeShop>
{
    // Often enough for a prepared statement to get its plan for any parameters.
    private const int Times = 12;
    private const int Copies = 20_000;
    private const int MostRowsPerOrder = 100;

    private const string Id = "('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))";

    /// <summary>What a copy of a row has for itself, as the arguments of jsonb_build_object. The copies of an order wait for a step far ahead.</summary>
    private static readonly (string Service, string Table, string Own)[] Tables =
    [
        ("basket", "basket_items", "'customer_id', n"),
        ("basket", "removed_orders", "'order_id', n"),
        ("inventory", "stock", "'product_id', n"),
        ("inventory", "ledger", "'id', 1000000 + n, 'product_id', n"),
        ("inventory", "reservations", "'order_id', n"),
        ("payment", "payment_tokens", "'token', n"),
        ("payment", "payments", "'order_id', n"),
        ("shipping", "shipments", $"'order_id', n, 'id', {Id}"),
        ("ordering", "orders", $"'id', {Id}, 'customer_id', n, 'due_at', '2099-01-01T00:00:00Z'"),
        ("ordering", "placed_orders", $"'customer_id', n, 'order_id', {Id}"),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Neither_an_order_nor_what_is_read_of_it_reads_more_rows_the_more_there_are()
    {
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 1_000);
        await OrderAndReadAsync(customer, product);
        foreach (var (service, table, own) in Tables)
            await CopyAsync(service, table, own);
        var before = await RowsReadAsync();

        await OrderAndReadAsync(customer, product);

        // A connection has told its counts when it is closed.
        await Task.WhenAll(Tables.Select(table => table.Service).Distinct().Select(shop.StopAsync));
        var after = await RowsReadAsync();
        Assert.All(after, table =>
        {
            var rows = (table.Value - before[table.Key]) / Times;
            output.WriteLine($"{table.Key}: {rows} rows per order");
            Assert.True(rows <= MostRowsPerOrder, $"{rows} rows of {table.Key} were read for each order.");
        });
    }

    /// <summary>As many orders, one of them cancelled, and whatever can be read of them.</summary>
    private async Task OrderAndReadAsync(Shopper customer, string product)
    {
        List<string> orders = [];
        for (var i = 0; i < Times; i++)
        {
            var order = await customer.OrderAsync(product);
            orders.Add(order);
            await customer.PutInBasketAsync(product, 2);
            var since = DateTime.UtcNow.AddSeconds(-2).ToString("s");
            foreach (var (who, path) in new[]
            {
                (customer, "/api/basket"), (customer, $"/api/inventory?productIds={product}"), (customer, $"/api/orders/{order}"), (customer, "/api/orders?limit=2"),
                (shop.Admin, $"/api/inventory/{product}"), (shop.Admin, $"/api/admin/orders?limit=2&updatedSince={since}Z"), (shop.Admin, $"/api/admin/payments?limit=2&updatedSince={since}Z"),
                (shop.Admin, $"/api/admin/shipments?limit=2&updatedSince={since}Z"), (shop.Admin, $"/api/admin/inventory?limit=2&updatedSince={since}Z"),
            })
            {
                var answer = await who.GetAsync(path);
                if (answer is JsonObject page && (string?)page["nextCursor"] is { } cursor)
                    await who.GetAsync($"{path}&cursor={Uri.EscapeDataString(cursor)}");
            }
        }

        using var cancel = await customer.PostAsync($"/api/orders/{orders[^1]}/cancel", null);
        Assert.True(cancel.StatusCode is HttpStatusCode.OK or HttpStatusCode.Accepted or HttpStatusCode.Conflict, cancel.StatusCode.ToString());
        foreach (var order in orders)
            await customer.UntilFinalAsync(order);
    }

    /// <summary>Makes a table large with copies of one of its rows. Nobody tells the planner.</summary>
    private async Task CopyAsync(string service, string table, string own)
    {
        await using var database = NpgsqlDataSource.Create(shop.Processes.Database(service));
        await using var columns = database.CreateCommand($"SELECT array_agg(column_name::text) FROM information_schema.columns WHERE table_name = '{table}' AND is_generated = 'NEVER'");
        var names = (string[])(await columns.ExecuteScalarAsync(Cancellation))!;
        await using var copy = database.CreateCommand($"""
            INSERT INTO {table} ({string.Join(", ", names)}) SELECT {string.Join(", ", names.Select(name => $"copy.{name}"))}
            FROM {table} AS one, generate_series(1, {Copies}) AS n, jsonb_populate_record(one, jsonb_build_object({own})) AS copy
            WHERE one.ctid = (SELECT ctid FROM {table} LIMIT 1)
            """);
        Assert.Equal(Copies, await copy.ExecuteNonQueryAsync(Cancellation));
    }

    private async Task<Dictionary<string, long>> RowsReadAsync()
    {
        var rows = new Dictionary<string, long>();
        foreach (var (service, table, _) in Tables)
        {
            await using var database = NpgsqlDataSource.Create(shop.Processes.Database(service));
            await using var command = database.CreateCommand($"SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = '{table}'");
            rows.Add(table, (long)(await command.ExecuteScalarAsync(Cancellation))!);
        }

        return rows;
    }
}
