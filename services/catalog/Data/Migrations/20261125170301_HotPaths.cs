using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ShopMesh.Catalog.Data.Migrations
{
    /// <inheritdoc />
    public partial class HotPaths : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("ALTER INDEX ix_products_search_vector SET (fastupdate = off)");
            migrationBuilder.Sql("SELECT gin_clean_pending_list('ix_products_search_vector')");

            migrationBuilder.AddColumn<int>(
                name: "product_count",
                table: "categories",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            // Once per statement, however many rows it changes; categories are locked in the order of their ids.
            migrationBuilder.Sql("""
                CREATE FUNCTION count_products() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF TG_OP = 'INSERT' THEN
                        PERFORM FROM categories WHERE id IN (SELECT category_id FROM added) ORDER BY id FOR NO KEY UPDATE;
                        UPDATE categories SET product_count = product_count + change.count
                        FROM (SELECT category_id, count(*) FROM added GROUP BY category_id) AS change WHERE id = category_id;
                    ELSIF TG_OP = 'DELETE' THEN
                        PERFORM FROM categories WHERE id IN (SELECT category_id FROM removed) ORDER BY id FOR NO KEY UPDATE;
                        UPDATE categories SET product_count = product_count - change.count
                        FROM (SELECT category_id, count(*) FROM removed GROUP BY category_id) AS change WHERE id = category_id;
                    ELSIF EXISTS (SELECT FROM removed JOIN added USING (id) WHERE removed.category_id <> added.category_id) THEN
                        PERFORM FROM categories WHERE id IN (SELECT category_id FROM removed UNION SELECT category_id FROM added) ORDER BY id FOR NO KEY UPDATE;
                        UPDATE categories SET product_count = product_count + change.count
                        FROM (SELECT category_id, sum(one) AS count FROM (
                            SELECT category_id, 1 AS one FROM added UNION ALL SELECT category_id, -1 FROM removed) AS moved GROUP BY category_id) AS change
                        WHERE id = category_id;
                    END IF;
                    RETURN NULL;
                END $$;
                CREATE TRIGGER count_added AFTER INSERT ON products REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_products();
                CREATE TRIGGER count_removed AFTER DELETE ON products REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_products();
                CREATE TRIGGER count_moved AFTER UPDATE ON products REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_products();
                UPDATE categories SET product_count = (SELECT count(*) FROM products WHERE category_id = categories.id);
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("""
                DROP TRIGGER count_added ON products;
                DROP TRIGGER count_removed ON products;
                DROP TRIGGER count_moved ON products;
                DROP FUNCTION count_products();
                """);

            migrationBuilder.DropColumn(
                name: "product_count",
                table: "categories");

            migrationBuilder.Sql("ALTER INDEX ix_products_search_vector RESET (fastupdate)");
        }
    }
}
