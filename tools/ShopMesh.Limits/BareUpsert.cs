using System.Text.Json.Serialization;
using Npgsql;

namespace ShopMesh.Limits;

/// <summary>One indexed, prepared upsert per request, and the row as the answer.</summary>
internal static class BareUpsert
{
    public static WebApplication Build(WebApplicationBuilder builder)
    {
        builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, LimitsJson.Default));
        builder.Services.AddSingleton(_ => NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(builder.Configuration.GetConnectionString("Database"))
        {
            MaxAutoPrepare = 10,
            AutoPrepareMinUsages = 1,
            NoResetOnClose = true,
        }));
        var app = builder.Build();
        app.MapPut("/items/{customer}/{product}", async (string customer, string product, Quantity request, NpgsqlDataSource database, CancellationToken cancellationToken) =>
        {
            await using var command = database.CreateCommand("""
                INSERT INTO items (customer_id, product_id, quantity, added_at) VALUES ($1, $2, $3, clock_timestamp())
                ON CONFLICT (customer_id, product_id) DO UPDATE SET quantity = EXCLUDED.quantity
                """);
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = customer });
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = product });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = request.Value });
            await command.ExecuteNonQueryAsync(cancellationToken);
            return TypedResults.Ok(new Item(product, request.Value));
        });
        return app;
    }
}

internal sealed record Quantity([property: JsonPropertyName("quantity")] int Value);

internal sealed record Item(string ProductId, int Quantity);

[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Quantity))]
[JsonSerializable(typeof(Item))]
internal sealed partial class LimitsJson : JsonSerializerContext;
